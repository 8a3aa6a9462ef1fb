# syntax=docker/dockerfile:1

# Both stages are Debian 12, so that what the binary was linked with is what it finds.
ARG RUST_VERSION=1.95

FROM rust:${RUST_VERSION}-bookworm AS build
ARG TARGETPLATFORM
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /src

# librdkafka is built from its source with make and gcc; TLS and SCRAM towards Kafka need OpenSSL's
# headers, compression zlib's.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libssl-dev pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*

COPY . .

# The cache of target/ is no part of the image: the binary leaves it in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=menagerie-target-${TARGETPLATFORM},target=/src/target,sharing=locked \
    cargo build --release --locked --bin menagerie --features kafka-tls \
    && install -D target/release/menagerie /image/usr/local/bin/menagerie

# The final image has libc, libm, libgcc_s, libstdc++, libssl and libcrypto, but no zlib. A library that
# neither the image nor this step brings would only be missed at the first start, so it ends the build.
RUN libraries=/image/usr/lib/$(gcc -print-multiarch) \
    && mkdir -p "$libraries" \
    && cp --dereference "/usr/lib/$(gcc -print-multiarch)/libz.so.1" "$libraries/" \
    && ldd /image/usr/local/bin/menagerie | tee /tmp/ldd \
    && ! grep -vE 'linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|ssl|crypto|z)\.so' /tmp/ldd

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="menagerie" \
    org.opencontainers.image.description="Pet and character simulation engine, run beside the game servers of an online world" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
# 65532 is the image's user nonroot; a number, so that Kubernetes can check runAsNonRoot.
USER 65532:65532
# The game API and the operator's API, probes and metrics. Both listen on loopback until configured.
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/menagerie", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/menagerie"]
CMD ["serve"]
