package evidence

// InputError is an error about one input with a hint that says what to do: where it can,
// a command to run.
type InputError struct {
	Err  error
	Hint string
}

func (e *InputError) Error() string { return e.Err.Error() }

func (e *InputError) Unwrap() error { return e.Err }
