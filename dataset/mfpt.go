package dataset

import "brinell/bearing"

// mfptRow is a line of the MFPT table.
type mfptRow struct {
	file   string
	fault  bearing.Fault
	load   string
	rate   float64 // Hz
	bytes  int64
	sha256 string
}

// The records at 97,656 Hz are published in the same archive but were not at
// hand when the table was made.
var mfptRows = []mfptRow{
	{"baseline_1.mat", bearing.Normal, "270 lb", 97656, 0, ""},
	{"baseline_2.mat", bearing.Normal, "270 lb", 97656, 0, ""},
	{"baseline_3.mat", bearing.Normal, "270 lb", 97656, 0, ""},
	{"OuterRaceFault_1.mat", bearing.OuterRace, "270 lb", 97656, 0, ""},
	{"OuterRaceFault_2.mat", bearing.OuterRace, "270 lb", 97656, 0, ""},
	{"OuterRaceFault_3.mat", bearing.OuterRace, "270 lb", 97656, 0, ""},

	{"InnerRaceFault_vload_1.mat", bearing.InnerRace, "0 lb", 48828, 1124871, "943e1f0ecef2496ee5233063765d40b8a3aab480044b36a9feaa3483e5331db9"},
	{"InnerRaceFault_vload_2.mat", bearing.InnerRace, "50 lb", 48828, 1124681, "4e85dc145f230db5b687d032ba94e849d58adb85fd1c00e605efba0bc14edc92"},
	{"InnerRaceFault_vload_3.mat", bearing.InnerRace, "100 lb", 48828, 1124601, "f4b100c59db948212f1603112952af332967497db66c6ebe5b4f799ac62dd4bf"},
	{"InnerRaceFault_vload_4.mat", bearing.InnerRace, "150 lb", 48828, 1123967, "3826a49dcac630176b82569a0b923ef16fa13db5a667171066ffac62949d498b"},
	{"InnerRaceFault_vload_5.mat", bearing.InnerRace, "200 lb", 48828, 1124229, "5eb0c3b88f4abab2d00f17f12170a25e51946adf05ff95ee79844360ccce2e92"},
	{"InnerRaceFault_vload_6.mat", bearing.InnerRace, "250 lb", 48828, 1124470, "51ace00de918012668beae944442588004655f40447497944ac63d71b3aa9e64"},
	{"InnerRaceFault_vload_7.mat", bearing.InnerRace, "300 lb", 48828, 1124472, "f9b0131045d8b05cd410fb72e8c2db06ee2eab16177cbc09657a63fef3110ef6"},
	{"OuterRaceFault_vload_1.mat", bearing.OuterRace, "25 lb", 48828, 1121586, "8a1977da6f1c8dd74c7826b66e75cf9d52e1cdcf6000c1348d1b356a06781af0"},
	{"OuterRaceFault_vload_2.mat", bearing.OuterRace, "50 lb", 48828, 1121822, "1883793fc865e10c6ddebe8a8241dd4924bfd4b4fd0ba6284affc697d2b29e6d"},
	{"OuterRaceFault_vload_3.mat", bearing.OuterRace, "100 lb", 48828, 1120163, "52410e466c71413e70b9da800d8c1fa4d74ada9bfcf14e45bbe455e1a073296d"},
	{"OuterRaceFault_vload_4.mat", bearing.OuterRace, "150 lb", 48828, 1120321, "81b4b1dde9340774c9170633d564fdc08b8a55e38676c3033a8088a0121c6191"},
	{"OuterRaceFault_vload_5.mat", bearing.OuterRace, "200 lb", 48828, 1121183, "8f5b43ae668518165cd65fcb3cf30cd9e32e6f69b3c5192b4ebb93ff42c47689"},
	{"OuterRaceFault_vload_6.mat", bearing.OuterRace, "250 lb", 48828, 1121355, "ea167417e39b7481a9ea422fdc5f5b67b96d8521f27cf703e46c4f8cbb8cd995"},
	{"OuterRaceFault_vload_7.mat", bearing.OuterRace, "300 lb", 48828, 1124569, "38ef59f7fea41d4839d89dd9aa7ad3cab783f2e5f10960e34c81c83d3328105e"},
}

// mfptRPM is the shaft speed of all records: 25 Hz.
const mfptRPM = 1500

// mfpt returns the corpus of the Society for Machinery Failure Prevention
// Technology. How many bearings stand behind the records is not published, so
// all records of one condition count as one specimen: a split by bearing must
// not claim more than is known.
func mfpt() Corpus {
	c := Corpus{
		Name:    "mfpt",
		Title:   "MFPT bearing fault data sets",
		Address: "https://www.mfpt.org/fault-data-sets/",
		Archive: "https://www.mfpt.org/wp-content/uploads/2020/02/MFPT-Fault-Data-Sets-20200227T131140Z-001.zip",
		Licence: "CC BY-NC-SA 4.0: evaluate on it, do not ship a model that was trained on it.",
		Acknowledgement: "MFPT bearing fault data sets, assembled by Eric Bechhoefer for the Society for Machinery Failure " +
			"Prevention Technology, licensed CC BY-NC-SA 4.0 (https://creativecommons.org/licenses/by-nc-sa/4.0/).",
		Defects: []string{"The publisher does not say which records share a bearing; all records of one condition are taken as one."},
	}
	specimen := map[bearing.Fault]string{bearing.Normal: "MFPT/normal", bearing.InnerRace: "MFPT/IR", bearing.OuterRace: "MFPT/OR"}
	for _, r := range mfptRows {
		c.Entries = append(c.Entries, Entry{
			File: r.file, Variable: "bearing.gs", Channel: "gs", Channels: "gs",
			Fault: r.fault, Load: r.load, SampleRate: r.rate, ShaftRPM: mfptRPM,
			Specimen: specimen[r.fault], Bearing: "NICE", Unit: bearing.G,
			Bytes: r.bytes, SHA256: r.sha256,
		})
	}
	return c
}
