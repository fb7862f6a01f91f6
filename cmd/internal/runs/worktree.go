package runs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Worktree checks a revision of the repository at hand out into a directory of its own. dir is what the directory at
// hand is there. remove takes it away again.
func Worktree(ctx context.Context, revision string) (dir string, remove func() error, err error) {
	prefix, err := git(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return "", nil, fmt.Errorf("the directory at hand is in no git repository: %w", err)
	}
	commit, err := git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return "", nil, fmt.Errorf("the repository has no revision %s", revision)
	}
	root, err := os.MkdirTemp("", "go-debug-base-")
	if err != nil {
		return "", nil, err
	}
	tree := filepath.Join(root, "tree")
	remove = func() error {
		// Git is told even where the directory could not be made.
		_, err := git(context.Background(), "worktree", "remove", "--force", tree)
		return errors.Join(err, os.RemoveAll(root))
	}
	if _, err := git(ctx, "worktree", "add", "--detach", "--quiet", tree, commit); err != nil {
		return "", nil, errors.Join(fmt.Errorf("cannot check %s out: %w", revision, err), os.RemoveAll(root))
	}
	return filepath.Join(tree, filepath.FromSlash(prefix)), remove, nil
}

// git runs a git command and returns its output. The error is what it says.
func git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if text := strings.TrimSpace(complaint.String()); err != nil && text != "" {
		err = errors.New(strings.ReplaceAll(text, "\n", "; "))
	}
	return strings.TrimSpace(string(out)), err
}
