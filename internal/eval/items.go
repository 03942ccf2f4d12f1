package eval

import "github.com/stablelora/stablelora/internal/metrics"

// Items are outcomes document by document, as items.json keeps them.
func Items(outcomes []Outcome) []metrics.TaskItems {
	var all []metrics.TaskItems
	for _, o := range outcomes {
		r := o.Result()
		t := metrics.TaskItems{Task: r.Task.Name, Path: r.Spec.Path, Documents: r.Hash()}
		for i, m := range r.Metrics {
			items := metrics.MetricItems{Key: m.Key()}
			if o.Adapted != nil {
				items.Adapted = m.Values
			}
			if o.Base != nil {
				items.Base = o.Base.Metrics[i].Values
			}
			t.Metrics = append(t.Metrics, items)
		}
		all = append(all, t)
	}
	return all
}
