# The server, and nothing else: no shell, no package manager, not root.
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends musl-tools
WORKDIR /src
COPY . .
RUN target="$(uname -m)-unknown-linux-musl" && rustup target add "$target" && \
    CC=musl-gcc cargo build --release --locked --target "$target" && \
    mkdir -p /out/data && cp "target/$target/release/countersign" /out/

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/countersign /usr/local/bin/countersign
# owned by the user of the image, so that a volume mounted here is too
COPY --from=build --chown=nonroot:nonroot /out/data /data
WORKDIR /data
USER nonroot
ENV COUNTERSIGN_LISTEN=0.0.0.0:8080 COUNTERSIGN_DATA_DIR=/data/clones COUNTERSIGN_DATABASE_URL=sqlite:/data/countersign.db
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/countersign"]
CMD ["serve"]
