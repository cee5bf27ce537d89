# The image of every part of a fleet: worker hosts, the dashboard, one-off commands.
#
#   docker build --tag manyhands .
#   docker run --rm --init manyhands worker --tasks examples/tasks.ts --redis redis://:password@redis:6379
#
# Plain instructions only, so that the classic builder takes it as well. Behind a registry mirror, use a base image that
# knows it (an .npmrc in /root) or `docker build --network host`. docs/deployment.md says how to add your own tasks.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /source
# The lockfile alone decides what is downloaded: this layer stays when only sources change.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
# pnpm is the version that package.json names and has not to look for it again. Nothing that the image needs runs a
# script when it is installed. The ages of the packages were looked at when the lockfile was made.
ENV pnpm_config_pm_on_fail=ignore pnpm_config_ignore_scripts=true pnpm_config_minimum_release_age=0
RUN npm install --global --no-audit --no-fund "$(node -p 'require("./package.json").packageManager')" && pnpm fetch
COPY . .
# The first command makes the JavaScript, the second gathers the command line with what it needs at run time, and
# nothing else.
RUN pnpm install --offline --frozen-lockfile && pnpm build --code \
  && pnpm --config.inject-workspace-packages=true --filter @manyhands/cli deploy --offline --prod /app \
  && cp -R examples /app/examples

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
# /app/node_modules holds @manyhands/core: task modules anywhere below /app import it without an installation.
WORKDIR /app
COPY --from=build /app /app
RUN ln -s /app/bin/manyhands.js /usr/local/bin/manyhands && ln -s manyhands /usr/local/bin/mh
USER node
EXPOSE 8080 3000
# The truth about a worker host. Services that run another command bring their own check, as docker-compose.yml does.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# No shell between the engine and node: a shell would swallow SIGTERM, and a worker host drains when it gets it.
ENTRYPOINT ["node", "/app/bin/manyhands.js"]
CMD ["worker", "--tasks", "examples/tasks.ts", "--health-port", "8080"]
