package report

import (
	"strings"

	"go-debug/analyze/evidence"
)

// anyTarget stands for the program in the commands that decoders and detectors suggest: they
// see evidence and do not know where it came from.
const anyTarget = "http://localhost:6060"

// targetOf is the program that the inputs were captured from, where all that know it agree.
func targetOf(inputs []evidence.Input) Text {
	target := ""
	for _, in := range inputs {
		if in.Target != "" && target != "" && in.Target != target {
			return ""
		}
		if in.Target != "" {
			target = in.Target
		}
	}
	return Text(target)
}

// aim puts the report's target into the commands that it suggests.
func (r *Report) aim() {
	if r.Target == "" {
		return
	}
	at := func(command *string) { *command = aimed(*command, string(r.Target)) }
	for i := range r.Inputs {
		at(&r.Inputs[i].Hint)
	}
	for i := range r.Detectors {
		at(&r.Detectors[i].Try)
		for j := range r.Detectors[i].Unchecked {
			at(&r.Detectors[i].Unchecked[j].Try)
		}
	}
	for i := range r.Findings {
		at(&r.Findings[i].Next)
	}
}

// aimed replaces the stand-in of a command by the target. The result is meant to be pasted
// into a shell, and the target may come from a file that somebody else wrote: one that means
// something to a shell is quoted, and stands only where it is a word of its own.
func aimed(command, target string) string {
	if !strings.ContainsFunc(target, shellSpecial) {
		return strings.ReplaceAll(command, anyTarget, target)
	}
	words := strings.Split(command, " ")
	for i, w := range words {
		if w == anyTarget {
			words[i] = "'" + strings.ReplaceAll(target, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

func shellSpecial(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:@%+=,", c))
}
