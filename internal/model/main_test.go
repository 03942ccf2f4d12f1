package model_test

import (
	"os"
	"testing"

	"github.com/stablelora/stablelora/internal/blas"
)

func TestMain(m *testing.M) {
	if _, err := blas.Install(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
