// Package parquet reads the rows of a Parquet file as JSON objects: texts,
// numbers and truth values, nested in lists and structs as deep as they are. It
// reads what pyarrow, datasets and the hub's converter write; other encodings
// and compressions are refused by name.
//
// Go's library, parquet-go, would add nine megabytes to the binary and takes a
// footer's word for how much to allocate. Here every length in the file is
// checked before it is believed, levels and values are decoded one at a time, and
// no page may be larger than maxPage, so that a few bytes cannot claim much
// memory. The format: https://parquet.apache.org/docs/file-format/.
//
// It must not know what the columns mean.
package parquet
