package vec

// Add adds src to dst.
func Add(dst, src []float32) {
	mustMatch(len(dst), len(src))
	if kernels() && len(dst) > 0 {
		addKernel(len(dst), &dst[0], &src[0])
		return
	}
	addGeneric(dst, src)
}

func addGeneric(dst, src []float32) {
	for i, v := range src {
		dst[i] += v
	}
}

// Scale multiplies x by f.
func Scale(x []float32, f float32) {
	if kernels() && len(x) > 0 {
		scaleKernel(len(x), &x[0], f)
		return
	}
	scaleGeneric(x, f)
}

func scaleGeneric(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

// Dot is Σ a·b in float64.
func Dot(a, b []float32) float64 {
	mustMatch(len(a), len(b))
	if kernels() && len(a) > 0 {
		return dotKernel(len(a), &a[0], &b[0])
	}
	return dotGeneric(a, b)
}

// Rotate turns each point (x1, x2) by the angle with the given cosine and sine,
// for sign 1, or back, for sign -1. With s = sign·sin:
//
//	x1, x2 = x1·cos − x2·s, x2·cos + x1·s
func Rotate(x1, x2, cos, sin []float32, sign float32) {
	mustMatch(len(x1), len(x2))
	mustMatch(len(x1), len(cos))
	mustMatch(len(x1), len(sin))
	if kernels() && len(x1) > 0 {
		rotateKernel(len(x1), &x1[0], &x2[0], &cos[0], &sin[0], sign)
		return
	}
	rotateGeneric(x1, x2, cos, sin, sign)
}

func rotateGeneric(x1, x2, cos, sin []float32, sign float32) {
	for i, c := range cos {
		s := sin[i] * sign
		a, b := x1[i], x2[i]
		x1[i] = float32(a*c) - float32(b*s)
		x2[i] = float32(b*c) + float32(a*s)
	}
}
