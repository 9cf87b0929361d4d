// Large memory, counted by owner: aligned to huge pages, zeroed, given back to the system when freed.
//
// Random reads of gigabytes through 4 KiB pages miss the TLB on nearly every visit; huge pages are worth a third of the speed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace elanus {

enum class Owner : uint32_t { index, build, search };
constexpr uint32_t owner_count = 3;

uint64_t memory_of(Owner owner);   // bytes that are taken now, in the whole process

// The start of zeroed memory, aligned to 64 bytes at least. Throws std::bad_alloc.
void* take_memory(size_t bytes, Owner owner);
void give_memory(void* at, size_t bytes, Owner owner);

template <class T> class Buffer {
 public:
  Buffer() = default;
  Buffer(size_t count, Owner owner) : data_((T*)take_memory(count * sizeof(T), owner)), size_(count), owner_(owner) {}
  Buffer(Buffer&& o) noexcept { *this = std::move(o); }
  Buffer& operator=(Buffer&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    std::swap(owner_, o.owner_);
    return *this;
  }
  ~Buffer() { give_memory(data_, bytes(), owner_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(T); }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
  Owner owner_ = Owner::index;
};

}  // namespace elanus
