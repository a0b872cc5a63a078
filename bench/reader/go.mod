module support-service/bench/reader

go 1.22
