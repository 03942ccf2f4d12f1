package tokenizer

import "strings"

// Byte-level BPE writes each byte as a printable character: 33-126, 161-172 and
// 174-255 as themselves, the other 68 in order as U+0100, U+0101, ... (GPT-2's
// bytes_to_unicode; a space is Ġ).

// byteRune returns the character of a byte.
func byteRune(b byte) rune {
	switch {
	case b <= 32:
		return 0x100 + rune(b)
	case b >= 127 && b <= 160:
		return 0x100 + 33 + rune(b) - 127
	case b == 173:
		return 0x100 + 67
	}
	return rune(b)
}

// runeByte is the inverse of byteRune.
func runeByte(r rune) (byte, bool) {
	switch {
	case r < 0x100 && byteRune(byte(r)) == r:
		return byte(r), true
	case r >= 0x100 && r <= 0x100+32:
		return byte(r - 0x100), true
	case r > 0x100+32 && r < 0x100+67:
		return byte(r - 0x100 - 33 + 127), true
	case r == 0x100+67:
		return 173, true
	}
	return 0, false
}

func mapBytes(s string) string {
	var b strings.Builder
	b.Grow(2 * len(s))
	for i := range len(s) {
		b.WriteRune(byteRune(s[i]))
	}
	return b.String()
}

// unmapBytes appends the bytes of a token to out; a token with a character that
// stands for no byte (an added token) is taken as it is.
func unmapBytes(out []byte, token string) []byte {
	n := len(out)
	for _, r := range token {
		b, ok := runeByte(r)
		if !ok {
			return append(out[:n], token...)
		}
		out = append(out, b)
	}
	return out
}
