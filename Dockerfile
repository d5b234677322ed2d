# One image for every process; compose.yaml says which one a container is.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY pipelines pipelines
COPY worker worker
COPY mcp_bridge mcp_bridge
COPY migrations migrations
RUN /app/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --create-home --uid 1000 portaria && install -d -o portaria /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PORTARIA_DATA=/data PYTHONUNBUFFERED=1
USER portaria
VOLUME /data
ENTRYPOINT ["portaria"]
CMD ["web", "--host", "0.0.0.0"]
