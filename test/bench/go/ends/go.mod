module ends

go 1.21
