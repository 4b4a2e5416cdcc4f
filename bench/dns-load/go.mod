module sallyport/bench/dns-load

go 1.26
