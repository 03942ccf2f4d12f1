// Package checkpoint keeps folders checkpoint-N of a run: written whole or not
// at all, verified by a manifest with the size and SHA-256 of each file, found
// again after an interruption, and pruned.
//
// What the files hold is the business of whoever writes them. A folder is built
// under a hidden name, every file synced, the manifest written last, and then
// renamed; so a kill or a power cut at any moment leaves the previous checkpoint
// as it was. One process at a time writes to a run's folder.
package checkpoint
