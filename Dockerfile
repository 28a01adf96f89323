# shrinkbox with ffmpeg of Debian 13 and Node 24. docs/containers.md says how it is used and what was tried.
#   docker build -t shrinkbox .

FROM node:24-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run -s build && npm prune --omit=dev --ignore-scripts \
 && mkdir /app && cp -r package.json LICENSE config.example.yaml dist node_modules /app \
 # Nothing reads these: types, sources and tests of packages.
 && find /app/node_modules -type f \( -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.map' -o -name '*.md' \) -delete

# What is run, and what that is linked to: a third of what the packages bring.
FROM debian:trixie-slim AS programs
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg tini binutils
COPY --from=build /usr/local/bin/node /usr/local/bin/node
RUN strip --strip-unneeded /usr/local/bin/node
COPY container/collect /usr/local/bin/
RUN collect /collected ffmpeg ffprobe node tini sh setpriv prlimit ionice nice \
    flock cat chown cp df id ls mkdir mv rm sleep stat true

FROM scratch
COPY --from=programs /collected/ /
COPY --from=build /app /opt/shrinkbox
COPY container/entrypoint container/as-user container/shrinkbox /usr/local/bin/
# UV_THREADPOOL_SIZE: a share that hangs holds a thread for each call; with the usual four, everything else would wait too.
# container: says to programs that they are in one, as systemd knows it; not every engine leaves a file that tells.
ENV container=oci PATH=/usr/local/bin:/usr/bin:/bin HOME=/state SHRINKBOX_CONFIG=/config/config.yaml UV_THREADPOOL_SIZE=16
EXPOSE 8788
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=15s --start-period=60s --retries=3 CMD ["shrinkbox", "healthcheck"]
ENTRYPOINT ["entrypoint"]
CMD ["run"]
