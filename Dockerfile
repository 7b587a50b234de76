# A server for one model, on CPUs:
#     docker build -t striate .
#     docker run --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 \
#         -v "$PWD/photos.safetensors:/model.safetensors:ro" striate /model.safetensors --no-auth
# The suite runs these steps without docker: tests/serving/test_container.py

FROM python:3.12-slim AS build
COPY . /source
RUN python -m venv /opt/striate
RUN /opt/striate/bin/pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu "/source[serve]"

FROM python:3.12-slim
COPY --from=build /opt/striate /opt/striate
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=60s CMD ["/opt/striate/bin/python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz')"]
ENTRYPOINT ["/opt/striate/bin/striate", "serve", "--host", "0.0.0.0"]
