#!/bin/sh
# A file gets new elements. The shell replaces it as a whole: whoever has it mapped keeps the old one.
set -eu
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "${1:-$temporary}"

maparray create a.npy --shape 3 --arange=1

# The last element, then all of them.
maparray eval 'where(index(3) == 2, 30, a)' a=a.npy -o a.npy
maparray eval 'a + 1' a=a.npy -o a.npy

seen=$(maparray eval 'a' a=a.npy)
[ "$seen" = '2.0
3.0
31.0' ]
echo "the file holds" $seen "now"
