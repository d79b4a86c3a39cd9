#!/bin/sh
# A file without a .npy header: big-endian numbers after ten bytes that are skipped.
set -eu
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "${1:-$temporary}"

# What an instrument wrote: its name, then rows of three 16-bit numbers.
printf 'sensor 7:\n\000\001\000\002\000\003\000\004\000\005\000\006' > samples.raw

# The length of the file tells how many rows there are.
maparray info samples.raw --dtype '>i2' --shape -1,3 --offset 10
means=$(maparray eval 'mean(a, axis=1)' a=samples.raw --dtype '>i2' --shape -1,3 --offset 10)
[ "$means" = '2.0
5.0' ]
echo "the mean of each row is" $means
