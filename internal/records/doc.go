// Package records reads data files from outside record by record: JSON lines
// or one JSON array, plain or gzip, or Parquet, told apart by their content and
// not by their name. A record is one JSON object. Labels that are published in a
// file of their own are put in.
//
// The files are hostile: what is not UTF-8, not JSON, or says one key twice is
// refused with file and line, and no record may be longer than MaxRecord, so
// that neither a missing newline nor a gzip bomb takes the memory.
//
// It must not know what the records mean.
package records
