// Package parallel owns the program's one pool of workers.
//
// Numeric code splits its outputs into parts and gives them to For or Range.
// Which worker computes which part is left to chance, so a part must not depend
// on another, nor on the number of workers: that is what keeps results
// independent of the number of threads. A call made from inside another, or
// while the pool serves somebody else, runs on its caller alone.
//
// It must not know what is computed.
package parallel
