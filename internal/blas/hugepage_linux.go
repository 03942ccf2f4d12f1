package blas

import "golang.org/x/sys/unix"

func adviseHugePages(p []byte) { _ = unix.Madvise(p, unix.MADV_HUGEPAGE) } // a hint
