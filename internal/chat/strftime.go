package chat

import (
	"fmt"
	"strings"
	"time"
)

// strftime is Python's datetime.strftime for the directives of dates and times
// in the C locale.
func strftime(t time.Time, format string) (string, error) {
	layouts := map[byte]string{
		'd': "02", 'b': "Jan", 'B': "January", 'm': "01", 'y': "06", 'Y': "2006", 'a': "Mon", 'A': "Monday", 'j': "002",
		'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", '%': "%",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		if i == len(format) || layouts[format[i]] == "" {
			return "", fmt.Errorf("strftime_now(%q): a directive is not supported", format)
		}
		b.WriteString(t.Format(layouts[format[i]]))
	}
	return b.String(), nil
}
