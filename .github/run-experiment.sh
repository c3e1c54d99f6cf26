#!/usr/bin/env bash
# Run an experiment in a GitHub job and show its report in the summary of the job. `action.yml` sets CONFIG (the
# experiment file), OPTIONS (further options of `bnbench run`) and CHECK (true: fail if a claim is refuted).
set -euo pipefail

results="$RUNNER_TEMP/bnbench"
echo "results=$results" >> "$GITHUB_OUTPUT"

# No file names are made of the options.
set -f
# shellcheck disable=SC2086
status=0 && bnbench run "$CONFIG" $OPTIONS --results-dir "$results" || status=$?
set +f

# A failed trial is in the report, too. The summary shows no pictures of the job, and at most 1 MiB.
for report in "$results"/*/report.md; do
  if [ -f "$report" ]; then
    sed '/^!\[.*\](.*)$/d' "$report" | head -c 900000 >> "$GITHUB_STEP_SUMMARY"
  fi
done

if [ "$status" = 0 ] && [ "$CHECK" = true ]; then
  for folder in "$results"/*/; do
    bnbench check "$folder" || status=$?
  done
fi
exit "$status"
