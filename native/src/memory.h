// Large memory, counted by owner: aligned to huge pages, zeroed, given back to the system when freed.
//
// Random reads of gigabytes through 4 KiB pages miss the TLB on nearly every visit; huge pages are worth a third of the speed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace elanus {

enum class Owner : uint32_t { index, build, search, mapped };
constexpr uint32_t owner_count = 4;

uint64_t memory_of(Owner owner);   // bytes that are taken now, in the whole process
void count_memory(Owner owner, int64_t bytes);   // that were taken otherwise, or given back

// The start of zeroed memory, aligned to 64 bytes at least. Throws std::bad_alloc.
void* take_memory(size_t bytes, Owner owner);
void give_memory(void* at, size_t bytes, Owner owner);

// Addresses for zeroed memory that the system gives as it is written; counted as far as `use_reserve` said, from `before` to `after`.
void* take_reserve(size_t bytes);
void use_reserve(void* at, size_t before, size_t after, size_t bytes, Owner owner);
void give_reserve(void* at, size_t used, size_t bytes, Owner owner);

template <class T> class Buffer {
 public:
  Buffer() = default;
  // What somebody else owns.
  static Buffer view(T* data, size_t count) {
    Buffer all;
    all.data_ = data;
    all.size_ = count;
    all.borrowed_ = true;
    return all;
  }
  Buffer(size_t count, Owner owner) : data_((T*)take_memory(count * sizeof(T), owner)), size_(count), owner_(owner) {}
  Buffer(Buffer&& o) noexcept { *this = std::move(o); }
  Buffer& operator=(Buffer&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    std::swap(owner_, o.owner_);
    std::swap(borrowed_, o.borrowed_);
    return *this;
  }
  ~Buffer() {
    if (!borrowed_) give_memory(data_, bytes(), owner_);
  }

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
  bool borrowed_ = false;
};

// Memory for ever more of something, which never moves: `capacity` are addresses only, `used` is memory.
template <class T> class Reserve {
 public:
  Reserve() = default;
  Reserve(size_t capacity, Owner owner) : data_((T*)take_reserve(capacity * sizeof(T))), capacity_(capacity), owner_(owner) {}
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;
  ~Reserve() { give_reserve(data_, used_ * sizeof(T), capacity_ * sizeof(T), owner_); }

  void use(size_t count) {
    if (count <= used_) return;
    use_reserve(data_, used_ * sizeof(T), count * sizeof(T), capacity_ * sizeof(T), owner_);
    used_ = count;
  }
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t bytes() const { return used_ * sizeof(T); }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }

 private:
  T* data_ = nullptr;
  size_t capacity_ = 0, used_ = 0;
  Owner owner_ = Owner::index;
};

}  // namespace elanus
