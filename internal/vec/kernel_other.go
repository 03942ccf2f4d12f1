//go:build !amd64 || noasm

package vec

// Nothing calls these where isa offers plain Go only.

func expAVX2(int, *float32, *float32)                             { panic(missing) }
func expScaleAVX2(int, *float32, float32, float32)                { panic(missing) }
func sumExpAVX2(int, *float32, float32) float64                   { panic(missing) }
func expSumAVX2(int, *float32, float32, float32) float64          { panic(missing) }
func swiGLUAVX2(int, *float32, *float32, *float32)                { panic(missing) }
func maxAVX2(int, *float32) float32                               { panic(missing) }
func dotAVX2(int, *float32, *float32) float64                     { panic(missing) }
func rmsNormDotAVX2(int, *float32, *float32, *float32) float64    { panic(missing) }
func rmsNormScaleAVX2(int, *float32, *float32, *float32, float32) { panic(missing) }
func addAVX2(int, *float32, *float32)                             { panic(missing) }
func scaleAVX2(int, *float32, float32)                            { panic(missing) }
func widenBF16AVX2(int, *float32, *uint16)                        { panic(missing) }
func widenF16AVX2(int, *float32, *uint16)                         { panic(missing) }
func roundBF16AVX2(int, *uint16, *float32)                        { panic(missing) }
func roundF16AVX2(int, *uint16, *float32)                         { panic(missing) }

func softmaxBackwardAVX2(int, *float32, *float32, float32, float32) { panic(missing) }

func swiGLUBackwardAVX2(int, *float32, *float32, *float32, *float32, *float32) { panic(missing) }

func rmsNormBackwardAVX2(int, *float32, *float32, *float32, *float32, float32, float32) {
	panic(missing)
}

func rotateAVX2(int, *float32, *float32, *float32, *float32, float32) { panic(missing) }

func adamWAVX2(int, *float32, *float32, *float32, *float32, *float32) { panic(missing) }

const missing = "vec: a kernel that this build does not have"
