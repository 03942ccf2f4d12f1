package records

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// hubRow is a row in an answer of the hub's /rows.
type hubRow struct {
	Index     *int            `json:"row_idx"`
	Row       json.RawMessage `json:"row"`
	Truncated []string        `json:"truncated_cells"`
}

// hubRows returns the rows in an answer of the hub's /rows (datasets-server),
// which is one JSON object; nil: raw is something else.
func hubRows(raw []byte) ([]hubRow, error) {
	if !bytes.Contains(raw, []byte(`"row_idx"`)) {
		return nil, nil
	}
	var page struct {
		Features json.RawMessage
		Rows     []hubRow
	}
	if json.Unmarshal(raw, &page) != nil || page.Features == nil {
		return nil, nil
	}
	for _, r := range page.Rows {
		switch {
		case r.Index == nil || len(r.Row) == 0 || r.Row[0] != '{':
			return nil, nil
		case len(r.Truncated) > 0:
			return nil, fmt.Errorf("the hub has cut off %s of row %d; take the data set's Parquet file", strings.Join(r.Truncated, ", "), *r.Index)
		}
	}
	return page.Rows, nil
}
