package main

import (
	"strconv"
	"strings"
)

// plainCells returns rows whose cells no spreadsheet takes for a formula: one that begins with
// = + - @, a tab or a carriage return and is no number gets an apostrophe before it, which
// spreadsheets take for the sign of a text. Numbers stay as they are.
//
// Reference: OWASP, "CSV Injection".
func plainCells(rows [][]string) [][]string {
	for _, row := range rows {
		for i, cell := range row {
			text := strings.TrimLeft(cell, "'") // or what is read back would be another
			if text == "" || !strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
				continue
			}
			if _, err := strconv.ParseFloat(cell, 64); err != nil {
				row[i] = "'" + cell
			}
		}
	}
	return rows
}
