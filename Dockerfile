# An image that runs bnbench on files of the folder that is mounted as /work:
#   docker build --tag bnbench .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work" bnbench run experiment.yaml
FROM python:3.12.11-slim-bookworm

# Python prints at once. Caches are in a folder that any user may write.
ENV PYTHONUNBUFFERED=1 \
    BNBENCH_CACHE=/tmp/bnbench \
    MPLCONFIGDIR=/tmp/matplotlib

WORKDIR /opt/bnbench
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY bnbench bnbench
# The versions that the tests use, without those that only developers need.
RUN python -m pip install --no-cache-dir --disable-pip-version-check --constraint requirements.lock .

# No rights are needed. `--user` gives the files that are written to you.
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["bnbench"]
CMD ["--help"]
