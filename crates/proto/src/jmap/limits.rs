//! The limits that the core capability tells clients (RFC 8620 §2) and that requests are held to.

use koi_types::limits;

use super::json::Bounds;

/// Defaults are those of `types::limits`; the server may configure others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoreLimits {
    /// `maxSizeUpload`, octets.
    pub upload_octets_max: u64,
    /// `maxConcurrentUpload`.
    pub concurrent_uploads_max: u64,
    /// `maxSizeRequest`, octets.
    pub request_octets_max: u64,
    /// `maxConcurrentRequests`.
    pub concurrent_requests_max: u64,
    /// `maxCallsInRequest`.
    pub calls_max: u64,
    /// `maxObjectsInGet`.
    pub get_objects_max: u64,
    /// `maxObjectsInSet`: of creations, updates and destructions together.
    pub set_objects_max: u64,
    /// Not told: how much structure a request may have.
    pub bounds: Bounds,
}

impl Default for CoreLimits {
    fn default() -> Self {
        Self {
            upload_octets_max: limits::MESSAGE_OCTETS_MAX,
            concurrent_uploads_max: limits::JMAP_CONCURRENT_UPLOADS_MAX,
            request_octets_max: limits::JMAP_REQUEST_OCTETS_MAX,
            concurrent_requests_max: limits::JMAP_CONCURRENT_REQUESTS_MAX,
            calls_max: limits::JMAP_CALLS_MAX,
            get_objects_max: limits::JMAP_GET_OBJECTS_MAX,
            set_objects_max: limits::JMAP_SET_OBJECTS_MAX,
            bounds: Bounds::default(),
        }
    }
}

impl CoreLimits {
    /// Whether a call may name so many objects at once to get.
    #[must_use]
    pub const fn may_get(&self, objects: usize) -> bool {
        objects as u64 <= self.get_objects_max
    }
    /// Whether a call may name so many objects at once to create, update and destroy.
    #[must_use]
    pub const fn may_set(&self, objects: usize) -> bool {
        objects as u64 <= self.set_objects_max
    }
}
