# Built by `scripts/image`, which makes the files first: the program, a shell, certificates. Nothing is pulled.
FROM scratch
ARG TARGETARCH
ADD target/image/${TARGETARCH}.tar /

ARG VERSION
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="Prudence" \
      org.opencontainers.image.description="A code reviewer for CI" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="(MIT OR Apache-2.0) AND GPL-2.0-only" \
      org.opencontainers.image.source="https://github.com/prudence-review/prudence" \
      org.opencontainers.image.documentation="https://github.com/prudence-review/prudence#readme"

ENV PATH=/usr/bin:/bin HOME=/home/prudence
USER 10001:10001
# where a repository is mounted
WORKDIR /work
# GitLab puts a shell in its place
ENTRYPOINT ["/usr/bin/prudence"]
