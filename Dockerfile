# Builds as a developer does (./dev setup, ./dev build) and keeps the program and its libraries.
FROM debian:12 AS build
WORKDIR /src
COPY dev ./
COPY tools tools
RUN ./dev setup && rm -rf /var/lib/apt/lists/*
COPY . .
RUN ./dev build release rekey

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libboost-json1.81.0 libpq5 libprometheus-cpp-core1.0 \
       libsodium23 libspdlog1.10 libssl3 libyaml-cpp0.7 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/rekey --create-home rekey
COPY --from=build /src/build/release/rekey /usr/local/bin/rekey
USER rekey
VOLUME /var/lib/rekey
EXPOSE 6432 6430
ENTRYPOINT ["rekey"]
CMD ["run", "-c", "/etc/rekey/rekey.yaml"]
