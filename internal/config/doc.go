// Package config owns every configuration key: its name, default, type and
// range, and how a YAML file and --set flags become one checked Config.
//
// Loading goes defaults, file, --set. The YAML nodes are checked first, so that
// every problem names file and line and all are told at once; viper then merges
// the layers and decodes them strictly; last come the ranges.
//
// It must not know what the values are used for: whether a model or a data
// file exists is found out by whoever opens it.
package config
