module go-debug/analyze/decode/trace/testdata/http

go 1.22.0
