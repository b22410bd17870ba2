#!/bin/bash
git tag v1.0.0
git switch -q -c feature
echo new >feature.txt
git add feature.txt
git commit -q -m "A feature"
git switch -q main
