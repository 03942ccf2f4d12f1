module github.com/stablelora/stablelora/internal/_neon

go 1.26.0
