#!/bin/sh
# Frames in adu are calibrated, file to file; what measures something else is refused.
set -eu
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "${1:-$temporary}"

maparray create frames.npy --shape 3,4 --arange=100:10 --unit adu
maparray create bias.npy --shape 4 --fill 100 --unit adu
maparray create time.npy --shape 1 --fill 2 --unit s

maparray eval '(m - bias) / time' m=frames.npy bias=bias.npy time=time.npy -o rate.npy
greatest=$(maparray eval 'max(rate)' rate=rate.npy)
[ "$greatest" = '55.0 adu / s' ]

if maparray eval 'm + time' m=frames.npy time=time.npy; then
    echo 'adu and seconds were added' >&2
    exit 1
fi
echo "the greatest element is $greatest"
