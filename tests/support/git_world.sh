# shellcheck shell=bash
# For cases about git, to be sourced: origin.git, and `work`, a clone with the branches main,
# hotfix (ahead of main) and clash (not to be merged with hotfix). HOME is the case's own.

git config --global user.name Tester
git config --global user.email tester@example.org
git config --global init.defaultBranch main
git config --global advice.detachedHead false

git_world() {
    git init -q --bare origin.git
    git clone -q origin.git work 2>/dev/null
    mkdir work/folder
    echo one >work/a.txt
    echo two >work/b.txt
    echo three >work/folder/c.txt
    git_commit work first
    git -C work push -q origin main 2>/dev/null
    git_branch hotfix fixed
    git_branch clash clash
}

# git_branch NAME TEXT: from main, with a.txt changed
git_branch() {
    git -C work checkout -qb "$1"
    echo "$2" >work/a.txt
    git_commit work "$2"
    git -C work checkout -q main
}

git_commit() {
    git -C "$1" add -A
    git -C "$1" commit -qm "$2"
}

# Somebody else pushes.
git_other_pushes() {
    git clone -q origin.git other
    echo "$1" >"other/$1"
    git_commit other "$1"
    git -C other push -q origin main 2>/dev/null
}

# All that a rollback has to leave as it was: branches, tags, HEAD, files.
git_digest() {
    for repository in "$@"; do
        git -C "$repository" for-each-ref
        git -C "$repository" symbolic-ref -q HEAD || git -C "$repository" rev-parse HEAD
        git -C "$repository" status --short 2>/dev/null
        git -C "$repository" diff HEAD 2>/dev/null
    done
}

# Commits by name, since their ids differ from run to run.
git_names() {
    sed -E 's/\b[0-9a-f]{40}\b/ID/g; s/\b[0-9a-f]{10}\b/ID/g'
}

# A stand-in for ssh: the command is run here. `git_fake_ssh TEXT` has it do that before.
git_fake_ssh() {
    printf '#!/bin/bash\nwords=("$@")\ncommand=${words[-1]}\n%s\nsh -c "$command"\n' "$1" >fake_ssh
    chmod +x fake_ssh
    export GIT_SSH_COMMAND=$PWD/fake_ssh
    git -C work remote set-url origin "ssh://git@host.example$PWD/origin.git"
}
