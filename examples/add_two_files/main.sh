#!/bin/sh
# Two files are added into a third, in less memory than any of them takes.
set -eu
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "${1:-$temporary}"

# Two files of 16 MB: one counts up, the other counts down.
maparray create x.npy --dtype float32 --shape 2000,2000 --arange
maparray create y.npy --dtype float32 --shape 2000,2000 --arange=4000000:-1

# From file to file, in 8 MB at most.
maparray eval 'x + y' x=x.npy y=y.npy -o z.npy --memory 8M

right=$(maparray eval 'all(z == 4000000)' z=z.npy)
[ "$right" = True ]
echo 'every sum is 4000000'
