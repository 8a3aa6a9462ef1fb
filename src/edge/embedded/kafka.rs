//! Kafka inside the process: librdkafka's mock cluster, which speaks the real protocol on
//! loopback, so that any client works on it, `kcat` among them.

use std::sync::mpsc;
use std::thread::JoinHandle;

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// A cluster of one broker. It keeps 5 MiB for each partition and drops the oldest records
/// beyond that. Ends when dropped.
pub struct EmbeddedKafka {
    bootstrap_servers: String,
    /// Closed to end the thread that owns the cluster, which may not leave it.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedKafka {
    /// Starts a cluster with these topics, of `num_partitions` each.
    ///
    /// # Errors
    /// When librdkafka cannot listen on loopback.
    pub fn start<S: Into<String>>(
        topics: impl IntoIterator<Item = S>,
        num_partitions: i32,
    ) -> Result<Self, KafkaError> {
        let topics: Vec<String> = topics.into_iter().map(Into::into).collect();
        let (stop, stopped) = mpsc::channel::<()>();
        let (started, ready) = mpsc::channel();
        let run = move || {
            let cluster = MockCluster::<DefaultProducerContext>::new(1).and_then(|cluster| {
                for topic in &topics {
                    cluster.create_topic(topic, num_partitions, 1)?;
                }
                Ok(cluster)
            });
            match cluster {
                Ok(cluster) => {
                    let _ = started.send(Ok(cluster.bootstrap_servers()));
                    // Ends when the handle is dropped.
                    let _ = stopped.recv();
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("embedded-kafka".into())
            .spawn(run)
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        let bootstrap_servers = ready.recv().unwrap_or_else(|_| {
            Err(KafkaError::ClientCreation("the cluster's thread ended".into()))
        })?;
        Ok(Self { bootstrap_servers, stop: Some(stop), thread: Some(thread) })
    }

    /// `host:port` on loopback.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }
}

impl Drop for EmbeddedKafka {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
