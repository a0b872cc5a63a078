module support-service/bench/listeners

go 1.22
