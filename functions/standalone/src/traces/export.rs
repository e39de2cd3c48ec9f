//! Begins spans, and exports those that have ended.

use std::time::Duration;

use hookline_core::ports::{SpanSubject, TraceSpan, Traces};
use hookline_core::values::TraceParent;
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Compression, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider};

use super::collector::CollectorClient;
use super::spans::{RecordedSpan, attempt_attributes, event_attributes, now};
use crate::output::CommandError;
use crate::settings::{TraceSampler, TraceSettings};

/// How long the last export may take at the end.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// Records spans and exports them.
#[derive(Clone)]
pub(crate) struct TraceExport {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl TraceExport {
    /// Must be called on the runtime.
    pub(crate) fn start(settings: &TraceSettings) -> Result<Self, CommandError> {
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(CollectorClient::new(settings)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(settings.endpoint.as_str())
            .with_timeout(settings.timeout)
            .with_headers(
                settings.headers.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect(),
            );
        if settings.gzip {
            exporter = exporter.with_compression(Compression::Gzip);
        }
        let exporter = exporter.build().map_err(CommandError::of)?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(settings.queue)
            .with_max_export_batch_size(settings.batch)
            .with_scheduled_delay(settings.delay)
            .build();
        let attributes = settings.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        let resource = Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attributes(attributes)
            .with_service_name(settings.service_name.clone())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_sampler(sampler(settings.sampler))
            .with_resource(resource)
            .build();
        Ok(Self { tracer: provider.tracer("hookline"), provider })
    }

    /// Exports what has ended, as far as the collector takes it in time.
    pub(crate) async fn stop(self) {
        let provider = self.provider;
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!("exporting the last traces failed");
        }
    }
}

fn sampler(TraceSampler { ratio, follows_parent }: TraceSampler) -> Sampler {
    let roots = Sampler::TraceIdRatioBased(ratio);
    if follows_parent { Sampler::ParentBased(Box::new(roots)) } else { roots }
}

impl Traces for TraceExport {
    fn begin(&self, subject: SpanSubject<'_>) -> Option<Box<dyn TraceSpan>> {
        let (name, kind, event, attributes) = match subject {
            SpanSubject::Publish(event) => ("publish", SpanKind::Producer, event, event_attributes(event)),
            SpanSubject::FanOut(event) => ("process", SpanKind::Consumer, event, event_attributes(event)),
            SpanSubject::Attempt(attempt) => {
                ("send", SpanKind::Client, &*attempt.message.event, attempt_attributes(attempt))
            }
        };
        let parent = event.trace.map(span_context);
        let mut builder = SpanBuilder::from_name(name).with_kind(kind);
        if let (SpanSubject::Attempt(_), Some(published)) = (subject, &parent) {
            builder = builder.with_links(vec![Link::with_context(published.clone())]);
        }
        let began = now();
        let builder = builder.with_start_time(began).with_attributes(attributes);
        let context = Context::new();
        let context = parent.map_or(context.clone(), |parent| context.with_remote_span_context(parent));
        let span = self.tracer.build_with_context(builder, &context);
        // After the end of the export there are no valid spans.
        span.span_context().is_valid().then(|| Box::new(RecordedSpan::new(span, began)) as Box<dyn TraceSpan>)
    }
}

fn span_context(TraceParent { trace_id, span_id, flags }: TraceParent) -> SpanContext {
    let (trace_id, span_id) = (TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id));
    SpanContext::new(trace_id, span_id, TraceFlags::new(flags), true, TraceState::default())
}
