//go:build (!amd64 && !arm64) || noasm

package vec

// Nothing calls these where isa offers plain Go only.

func expScaleKernel(int, *float32, float32, float32)                { panic(missing) }
func sumExpKernel(int, *float32, float32) float64                   { panic(missing) }
func expSumKernel(int, *float32, float32, float32) float64          { panic(missing) }
func swiGLUKernel(int, *float32, *float32, *float32)                { panic(missing) }
func maxKernel(int, *float32) float32                               { panic(missing) }
func dotKernel(int, *float32, *float32) float64                     { panic(missing) }
func rmsNormDotKernel(int, *float32, *float32, *float32) float64    { panic(missing) }
func rmsNormScaleKernel(int, *float32, *float32, *float32, float32) { panic(missing) }
func addKernel(int, *float32, *float32)                             { panic(missing) }
func scaleKernel(int, *float32, float32)                            { panic(missing) }
func widenBF16Kernel(int, *float32, *uint16)                        { panic(missing) }
func widenF16Kernel(int, *float32, *uint16)                         { panic(missing) }
func roundBF16Kernel(int, *uint16, *float32)                        { panic(missing) }
func roundF16Kernel(int, *uint16, *float32)                         { panic(missing) }

func softmaxBackwardKernel(int, *float32, *float32, float32, float32) { panic(missing) }

func swiGLUBackwardKernel(int, *float32, *float32, *float32, *float32, *float32) { panic(missing) }

func rmsNormBackwardKernel(int, *float32, *float32, *float32, *float32, float32, float32) {
	panic(missing)
}

func rotateKernel(int, *float32, *float32, *float32, *float32, float32) { panic(missing) }

func adamWKernel(int, *float32, *float32, *float32, *float32, *float32) { panic(missing) }

const missing = "vec: a kernel that this build does not have"
