#!/bin/sh
# Install R with the packages of oracle.R from Debian and write expected_r.json anew. Needs root for apt-get.
# The committed figures are of Debian bookworm (R 4.2.2); their versions stand at the head of expected_r.json.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

apt-get update
apt-get install --yes --no-install-recommends \
    r-base-core r-cran-cutpointr r-cran-epir r-cran-geepack r-cran-hmisc r-cran-jsonlite \
    r-cran-optimalcutpoints r-cran-proc r-cran-psych r-cran-rms

python3 "$here/datasets.py" # writes the sets that are not committed; needs numpy and scipy
TZ=UTC Rscript "$here/oracle.R"
