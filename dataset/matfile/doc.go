// Package matfile reads MAT files of level 5, the format of MATLAB 5 to 7.2
// ("-v6", "-v7"), little and big endian, plain and compressed: numeric arrays of
// any type, character arrays, cells and structs.
//
// It trusts no length in a file: each is compared with the bytes that are there
// before anything is allocated. Complex and sparse arrays, objects and functions
// are passed over and named in File.Skipped, so that one odd variable does not
// hide the others. Level 4 and 7.3 (HDF5) files are refused by name.
//
// Reference: The MathWorks, MAT-File Format, R2023b, chapter 1.
package matfile
