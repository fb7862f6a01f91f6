module toolchains

go 1.20
