//go:build !noasm

package vec

//go:generate go -C _gen run . -out ../vec_amd64.s -stubs ../vec_amd64.go -pkg vec
