package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// victim appends until it is killed, and prints the ID of each window that was
// acknowledged.
func victim(dir string) {
	db, err := Open(context.Background(), Config{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	t := new(testing.T)
	base := int(time.Now().UnixNano() % 1e9)
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				d, w := window(t, fmt.Sprintf("s%d", g), base+i, 0)
				if _, err := db.Append(context.Background(), d, w, nil); err == nil {
					fmt.Println(d.ID) // one write: whole lines
				}
			}
		}()
	}
	select {}
}

// TestKill kills the process in the middle of its work and looks for what was
// acknowledged.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := make(map[string]bool)
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_VICTIM="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// A limit in time as well, should the program hang.
		timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		enough := len(acked) + 30 + 17*round
		for s := bufio.NewScanner(out); s.Scan(); {
			if len(s.Text()) == 26 { // the last line may be cut
				acked[s.Text()] = true
			}
			if len(acked) == enough {
				_ = cmd.Process.Kill() // SIGKILL, with transactions under way
			}
		}
		_ = cmd.Wait()
		timer.Stop()
		db := open(t, Config{Dir: dir})
		for id := range acked {
			if _, err := db.Diagnosis(t.Context(), id); err != nil {
				t.Errorf("round %d: acknowledged, but %v", round, err)
			}
		}
		shut(t, db)
	}
	if len(acked) < 300 {
		t.Errorf("only %d windows were acknowledged: the test shows nothing", len(acked))
	}
}
