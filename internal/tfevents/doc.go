// Package tfevents writes scalars as TensorBoard reads them: a file of records,
// each framed by its length and masked CRC-32C sums (TFRecord), each record an
// Event message of tensorflow/core/util/event.proto in protobuf's wire format.
//
// It must not know what the scalars mean.
package tfevents
