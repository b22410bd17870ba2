# shellcheck shell=bash disable=SC2034  # cases use them
# Neon's console, as far as a person uses it: a branch is a dump, and to restore one replaces the
# database by it.
branch() { # NAME
    pg_dump -f "$CASE/branch-$1.sql"
}

restores="dropdb --force treasure_coast && createdb treasure_coast && psql -Xq -d treasure_coast -f $CASE/branch-"
checked=(--see '\[1/5\].*y/n' --type 'y\n' --see '\[2/5\].*y/n' --type 'y\n' --see '\[3/5\].*y/n'
    --type 'y\n' --see '\[4/5\] The time stamp is (.|\n)*y/n' --type 'y\n' --see '\[5/5\](.|\n)*y/n')
