# Build: docker build --build-arg VERSION=$(git describe --tags --always) -t brinell .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/brinell ./cmd/brinell
RUN mkdir -p /out/data && chown 65532:65532 /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/brinell /brinell
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# The root may be read-only: everything is written below /data.
VOLUME /data
ENV BRINELL_DATA_DIR=/data BRINELL_LISTEN=0.0.0.0:8080 SQLITE_TMPDIR=/data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s CMD ["/brinell", "healthcheck"]
ENTRYPOINT ["/brinell"]
CMD ["serve"]
