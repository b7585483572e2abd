// Package mlog answers for monis.app/mlog where a module proxy cannot serve
// it. The CSI driver needs these names to compile; all of them end in klog, so
// a test reads the driver's log as usual.
package mlog

import (
	"context"
	"os"

	"k8s.io/klog/v2"
)

// LogFormat is what the driver's --log-format-json flag selects.
type LogFormat string

// The two formats the driver names.
const (
	FormatJSON LogFormat = "json"
	FormatText LogFormat = "text"
)

// Setup returns the function that main defers.
func Setup() func() { return func() { klog.Flush() } }

// ValidateAndSetKlogLevelAndFormatGlobally accepts every level: klog's own -v flag already holds it.
func ValidateAndSetKlogLevelAndFormatGlobally(_ context.Context, _ klog.Level, _ LogFormat) error {
	return nil
}

// Error logs a failure.
func Error(message string, err error, pairs ...any) { klog.ErrorSDepth(1, err, message, pairs...) }

// Fatal logs a failure and ends the process.
func Fatal(err error) {
	klog.ErrorSDepth(1, err, "the driver stops")
	klog.Flush()
	os.Exit(1)
}
