package evidence

import "testing"

// What a request waits for is read off the innermost function that tells, whatever it does there.
func TestRequestStateOf(t *testing.T) {
	for _, c := range []struct {
		wait  Wait
		calls []string
		want  string
	}{
		{WaitSelect, []string{"golang.org/x/time/rate.(*Limiter).wait", "golang.org/x/time/rate.(*Limiter).Wait", "main.limited"}, StateLimiter},
		{WaitSleep, []string{"time.Sleep", "go.uber.org/ratelimit.(*atomicInt64Limiter).Take", "main.limited"}, StateLimiter},
		{WaitSelect, []string{"golang.org/x/sync/semaphore.(*Weighted).Acquire", "main.batch"}, StatePool},
		{WaitSelect, []string{"main.batch"}, string(WaitSelect)},
		{WaitSleep, []string{"time.Sleep", "main.(*limiter).wait"}, string(WaitSleep)},
		{WaitIO, []string{"main.ask", "net/http.serverHandler.ServeHTTP", "database/sql.(*DB).conn"}, StateNetwork},
	} {
		var stack Stack
		for _, f := range c.calls {
			stack = append(stack, Frame{Function: f})
		}
		if got := RequestStateOf(c.wait, stack); got != c.want {
			t.Errorf("%s in %v is %s, want %s", c.wait, c.calls, got, c.want)
		}
	}
}
