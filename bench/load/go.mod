module support-service/bench/load

go 1.22
